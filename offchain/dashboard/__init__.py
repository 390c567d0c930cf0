"""What `pole dashboard` serves: pages about one deployment, made of its index; read-only, and with no key."""
