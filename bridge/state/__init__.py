"""What copies of the bridge share; see ``interface``."""
