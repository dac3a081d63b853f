"""A Hub on the loopback interface, for tests of what goes up and comes down."""
