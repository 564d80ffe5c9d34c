"""Operations that networks are made of, and wrappers around any network: what is no architecture."""
