"""What people and pipelines run around the application: guards, cost, images, rollouts, the doctor."""
