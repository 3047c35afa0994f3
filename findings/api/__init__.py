"""What resource-manager clients read: sub-assessments, in the shape of Microsoft.Security."""
