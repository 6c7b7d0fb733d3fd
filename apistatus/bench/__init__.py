"""What checks cost us, measured against floors and peers in the same run."""
