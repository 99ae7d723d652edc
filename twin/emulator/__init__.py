"""The emulator of AWS and what it lacks: each module adds one service's missing part, and says what it fakes."""
