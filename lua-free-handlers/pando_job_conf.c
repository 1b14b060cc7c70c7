/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Jobs in the configuration: how this node runs them, and whether the tables
 * of the domains that are enabled make sense.
 */

#include "pando_job.h"
#include "pando_conf.h"


static pando_jobs_conf_t *conf_of(ngx_conf_t *cf, pando_main_conf_t *pmcf);
static const char *wrong_with(ngx_conf_t *cf, const pando_domain_t *domain,
    const pando_job_t *job, char *why, size_t size);


static pando_jobs_conf_t *
conf_of(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    if (pmcf->jobs == NULL) {
        pmcf->jobs = ngx_pcalloc(cf->pool, sizeof(pando_jobs_conf_t));

        if (pmcf->jobs) {
            pmcf->jobs->lease = 20000;
            pmcf->jobs->most = 256;
        }
    }

    return pmcf->jobs;
}


/* pando_jobs off | [lease=20s] [most=256]; */

char *
pando_conf_jobs(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_int_t           n;
    ngx_str_t           v, *value = cf->args->elts;
    ngx_uint_t          i;
    pando_jobs_conf_t  *conf = conf_of(cf, data);

    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (pando_conf_option(&value[i], "lease", &v)) {
            n = ngx_parse_time(&v, 0);

            if (n != NGX_ERROR && n >= 1000) {
                conf->lease = (ngx_msec_t) n;
                continue;
            }

        } else if (pando_conf_option(&value[i], "most", &v)) {
            n = ngx_atoi(v.data, v.len);

            if (n != NGX_ERROR && n >= 1 && n <= 4096) {
                conf->most = (ngx_uint_t) n;
                continue;
            }

        } else if (ngx_strcmp(value[i].data, "off") == 0) {
            conf->off = 1;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no option of pando_jobs: it takes off, "
                           "lease= of a second or more, most= of 1 to 4096",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
pando_jobs_conf_finish(ngx_conf_t *cf, pando_main_conf_t *pmcf)
{
    char                       room[200];
    ngx_uint_t                 i;
    const char                *why;
    pando_enabled_t          **e = pmcf->enabled.elts;
    const pando_job_t *const  *job;

    if (conf_of(cf, pmcf) == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < pmcf->enabled.nelts; i++) {
        for (job = e[i]->domain->jobs; job && *job; job++) {
            why = wrong_with(cf, e[i]->domain, *job, room, sizeof(room));

            if (why) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "the job \"%s\" of the domain \"%s\" %s",
                              (*job)->name, e[i]->domain->name, why);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static const char *
wrong_with(ngx_conf_t *cf, const pando_domain_t *domain,
    const pando_job_t *job, char *why, size_t size)
{
    size_t                     len = strlen(domain->name);
    pando_mem_t                mem = pando_pool_mem(cf->pool);
    const pando_job_t *const  *other;

    if (strncmp(job->name, domain->name, len) != 0 || job->name[len] != '.'
        || job->name[len + 1 + strspn(job->name + len + 1,
               "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
    {
        return "is not called <domain>.<verb>";
    }

    for (other = domain->jobs; *other != job; other++) {
        if (strcmp((*other)->name, job->name) == 0) {
            return "has the name of another";
        }
    }

    if (job->fn == NULL) {
        return "has no handler";
    }

    if (job->daily && (job->every_ms || pando_job_daily_ms(job->daily) < 0)) {
        return "has no time of the day such as 03:30, or a period as well";
    }

    if (job->every_ms < 0 || (job->every_ms && job->every_ms < 100)) {
        return "has a period of less than 100 ms";
    }

    if (job->takes && (job->daily || job->every_ms)) {
        return "is periodic and takes a payload";
    }

    return job->takes && pando_shape_sound(job->takes, PANDO_SHAPE_TAKES,
                                           &mem, why, size) != 0
           ? why : NULL;
}


int64_t
pando_job_daily_ms(const char *daily)
{
    int  h, m;

    if (strlen(daily) != 5 || daily[2] != ':'
        || strspn(daily, "0123456789") != 2
        || strspn(daily + 3, "0123456789") != 2)
    {
        return -1;
    }

    h = (daily[0] - '0') * 10 + daily[1] - '0';
    m = (daily[3] - '0') * 10 + daily[4] - '0';

    return h < 24 && m < 60 ? ((int64_t) h * 60 + m) * 60000 : -1;
}
