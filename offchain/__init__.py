"""PoLeStar off chain: learning, economics, the chain clients and the workers that join them."""
