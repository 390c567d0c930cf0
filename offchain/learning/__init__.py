"""Pure machine learning: data sets, training, quantisation, model bytes and exact scoring."""
