"""Parts of the mutation benchmark."""
