"""What each command is told. Nothing here waits for what the commands need to run."""
