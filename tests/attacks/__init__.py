"""Attacks on everything that takes another party's bytes or words, each a story of what it would have gained."""
