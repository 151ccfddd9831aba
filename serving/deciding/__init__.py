"""What decides: the Scorer, each use case, what a release says about them. It knows no HTTP and no clock."""
