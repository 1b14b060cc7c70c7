/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a domain may know of the node that it runs on: its workers, which
 * domains are enabled, its disks, and the memory that a domain's workers
 * share.
 */

#include "pando_root.h"

#include <sys/statvfs.h>


unsigned
pando_worker(void)
{
    return (unsigned) ngx_worker;
}


unsigned
pando_workers(void)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->master ? (unsigned) ccf->worker_processes : 1;
}


int
pando_pid(void)
{
    return (int) ngx_pid;
}


/*
 * A process of another group has only got a number that a worker once had.
 */

bool
pando_worker_end(int pid, bool at_once)
{
    return pid > 1 && pid != (int) ngx_pid && getpgid(pid) == getpgrp()
           && kill(pid, at_once ? SIGKILL : SIGQUIT) == 0;
}


bool
pando_enabled(const char *name)
{
    ngx_uint_t         i;
    pando_enabled_t  **e = pando_conf->enabled.elts;

    for (i = 0; i < pando_conf->enabled.nelts; i++) {
        if (strcmp(e[i]->domain->name, name) == 0) {
            return true;
        }
    }

    return false;
}


void *
pando_shared(const pando_domain_t *domain)
{
    return pando_shm_static(domain->name);
}


/* It may wait for a disk. */

bool
pando_disk(const char *path, uint64_t *size, uint64_t *spare)
{
    struct statvfs  fs;

    if (statvfs(path, &fs) != 0) {
        return false;
    }

    *size = (uint64_t) fs.f_blocks * fs.f_frsize;
    *spare = (uint64_t) fs.f_bavail * fs.f_frsize;

    return true;
}
