# The rules of notifications, which need no nginx.

use Pando;
use Pando::Unit;

units(notifications_rules => [ 'pando_time', 'pando_date' ]);
done_testing;
