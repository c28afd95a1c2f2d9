"""What was played in virtual time becomes a verdict and a story. Pure; `app.rehearsal.rehearsing` plays."""
