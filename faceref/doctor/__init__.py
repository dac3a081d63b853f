"""What is installed, which device each stage uses, and what is wrong."""
