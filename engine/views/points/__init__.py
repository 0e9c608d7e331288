"""Points: networks on a plane of points, small enough to see every neuron."""
