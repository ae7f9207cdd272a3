"""What the people who write applications see, and what puts the server together."""
