/* sitesfile.h - what Vedette needs to know of a crowd, written for it.
 *
 * Files are written beside their place and then moved there.
 */
#ifndef LOADGEN_SITESFILE_H
#define LOADGEN_SITESFILE_H

#include "loadgen/scenario.h"

/* The list of all sites, see sites.yaml(5). A negative errno with a sentence. */
int sitesfile_write(const char *path, const struct crowd *c, const struct scenario *s, struct err *err);

/* A vedette.yaml with what a worker needs to look at them: name server, networks, root. */
int sitesfile_write_config(const char *path, const struct scenario *s, const struct sockaddr_in *dns,
                           struct err *err);

#endif
