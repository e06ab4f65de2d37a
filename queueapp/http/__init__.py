"""What every request passes: middleware, the limit of its body, its address, and refusals as problem details."""
