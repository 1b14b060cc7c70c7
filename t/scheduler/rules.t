# The rules of the scheduler, which need no nginx.

use Pando;
use Pando::Unit;

units(scheduler_times => [ 'scheduler_cron', map({ "pando_$_" } qw(recur recur_rule civil
    zone zone_rule date time)), '-lical' ]);
done_testing;
