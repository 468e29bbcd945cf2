"""What only `main.py` needs: building the parts, the web server's process, the embedded parts, doctor and demo."""
