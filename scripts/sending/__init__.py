"""The parts of scripts/send."""
