"""What an eavesdropper gets out of the features that cross: attacks, baselines, a bound."""
