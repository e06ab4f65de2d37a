"""What the operations console shows: each query reads a bounded number of rows, however many jobs there are."""
