"""How jobs go from state to state."""
