"""The suite: a relying party with its own https server, a browser that follows instructions, and conditions."""
