"""What can play a note."""
