-- Whose store it is: the public key of the cluster whose daemons were at work with it last; '' for one without keys.
ALTER TABLE meta ADD COLUMN cluster text NOT NULL DEFAULT '';
