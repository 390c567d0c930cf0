"""A fork server that never serves."""

import time

if __name__ == "__main__":
    time.sleep(600)
