"""How one task's end moves the others: the door through which every task ends, and what follows."""
