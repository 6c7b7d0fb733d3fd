"""What apistatus costs, as figures of one run: `make bench`. No test asserts on them."""
