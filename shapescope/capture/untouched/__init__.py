"""What keeps a user's model, and all that lies beside it, as it was."""
