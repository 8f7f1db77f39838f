"""What nodes 5 to 11 share: lexicons, readers of figures and names, subjects, graphs. Private to them."""
