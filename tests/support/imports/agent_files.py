"""Lines of a file of agents."""

HEADER = "uid,email,given_name,family_name,siret,directory_id\n"
ALIX = "alix.roux,alix.roux@example.fr,Alix,Roux,11006801200050,id-alix\n"
NOE = "noe.blanc,noe.blanc@example.fr,Noé,Blanc,,id-noe\n"
