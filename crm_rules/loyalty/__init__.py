"""Points: earned by policy, kept in lots with an expiry, spent earliest expiry first, booked twice."""
