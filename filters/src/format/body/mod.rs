//! What a policy asks about a request beyond its model.
