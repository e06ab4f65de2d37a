"""The evenness of the turns that users get, here and with other queues on the same server."""
