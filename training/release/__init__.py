"""The contract between training and serving: what a release is, and how it is made, checked and run."""
