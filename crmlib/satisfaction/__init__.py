"""Customer satisfaction: responses, reliability, drivers, index and priorities."""
