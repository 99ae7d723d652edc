"""The cloud on one machine: the synthesised templates, deployed to an emulator, with real parts beside it."""
