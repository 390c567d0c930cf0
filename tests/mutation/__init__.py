"""How strong the tests are: they run against contracts that were changed in one place, and ought to fail."""
