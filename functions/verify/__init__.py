"""Does what runs serve what was released? Asked by the pipeline after a release and by ECS before it shifts traffic."""
