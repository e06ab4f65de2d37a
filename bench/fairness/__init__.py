"""How even the turns are that users get, here and with other queues on the same server."""
