"""What a change of rules would do: the queue's state, sampled where it is deep, and the effects of other routes."""
