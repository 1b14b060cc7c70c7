# What is asked often costs the same with few checks and with many, and with a
# short history and a long one.

use FindBin;
use lib $FindBin::Bin;
use List::Util qw(min);
use Pando;
use Time::HiRes qw(time);
use Ward;

my $t = Ward->new(workers => 1);
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;

$p->db->do('set jit = off');            # as it is for every worker

my @checks = map { $t->check("c$_") } 1 .. 10;
$t->found($_, 'pass') for @checks;

# The best of many: what else the machine does is not what is asked about.
sub ms
{
    my ($what) = @_;
    return 1000 * min map { my $at = time; $what->(); time - $at } 1 .. 40;
}

my %history = (
    day  => "/health-checks/$checks[0]/results?resolution=hour&limit=24",
    raw  => "/health-checks/$checks[0]/results?limit=24",
    line => '/service-health/c1/timeline?limit=24',
);

sub costs
{
    return {
        readyz => ms(sub { $p->get('/readyz') }),
        list   => ms(sub { $t->get('/service-health') }),
        page   => ms(sub { $p->sql('select health.page(?, false)', $tenant) }),
        map { my $path = $history{$_}; $_ => ms(sub { $t->get($path) }) } keys %history,
    };
}

sub same
{
    my ($what, $few, $many) = @_;

    for my $name (sort keys %$few) {
        cmp_ok $many->{$name}, '<', 1.5 * $few->{$name} + 1.5,
            sprintf '%s: %s %.1f ms, %.1f ms', $what, $name, $few->{$name}, $many->{$name};
    }
}

# So many hours, minutes and changes; a page of 24 is full from the first day.
sub history
{
    my ($hours, $minutes) = @_;

    $p->sql(q{insert into health.results_hourly
        select c.id, date_trunc('hour', now()) - h * interval '1 h', ?, 60, 0, 0, 0, 1, 2, 3
        from generate_series(1, ?) h, unnest(?::uuid[]) as c (id) on conflict do nothing},
        $tenant, $hours, \@checks);
    $p->sql(q{insert into health.results
        select c.id, date_trunc('minute', now()) - s * interval '1 min', ?, 'pass', 1, ''
        from generate_series(1, ?) s, unnest(?::uuid[]) as c (id) on conflict do nothing},
        $tenant, $minutes, \@checks);
    $p->sql(q{insert into health.component_changes
        select ?, 'c1', date_trunc('hour', now()) - h * interval '1 h',
               case h % 2 when 0 then 'operational' else 'degraded' end, null, '{}'
        from generate_series(1, ?) h on conflict do nothing}, $tenant, $hours);
    $p->db->do("analyze health.$_") for qw(results_hourly results component_changes);

    is scalar @{ $t->get($history{$_})->json->{data} }, 24, "a page of $_"
        for sort keys %history;
}

history(24, 1440);
my $few = costs();

# Of ten components still, a thousand checks each.
$p->db->do(q{alter table health.checks disable trigger checks_settle});
$p->sql(q{insert into health.checks (tenant_id, name, component, kind, target, interval_s,
        timeout_ms, rise, fall, criticality, enabled, state, last_at)
    select ?, 'many ' || n, 'c' || 1 + n % 10, 'postgres', '{}', 86400, 1000, 1, 1, 'required',
           true, 'pass', now() from generate_series(1, 9990) n}, $tenant);
$p->db->do(q{alter table health.checks enable trigger checks_settle});
$p->db->do('analyze health.checks');
my $settle = ms(sub { $p->sql('select health.settle(?)', $tenant) });
cmp_ok $settle, '<', 250 * $Pando::SLOW, sprintf 'ten thousand settle in %.0f ms', $settle;
same('10 and 10,000 checks', $few, costs());

# 400 days of hours and of changes, seven of results
history(9600, 10000);
my $long = costs();
delete $long->{page};
delete $few->{page};
same('1 day and 400', $few, $long);


# what is old goes

$p->sql(q{insert into health.component_changes
    select ?, 'old', now() - d * interval '1 day', 'degraded', null, '{}'
    from unnest(array[50, 399, 401, 500]) d}, $tenant);
$p->sql(q{insert into health.component_changes values (?, 'quiet', now() - interval '500 days',
    'operational', null, '{}')}, $tenant);
$p->sql(q{insert into health.incidents (tenant_id, title, impact, components, state, resolved_at)
    select ?, 'x', 'none', '{a}', 'resolved', now() - d * interval '1 day'
    from unnest(array[399, 401]) d}, $tenant);
$p->sql(q{insert into health.incident_updates (incident_id, tenant_id, state, message)
    select id, tenant_id, 'resolved', 'x' from health.incidents});
$p->sql(q{insert into health.maintenances (tenant_id, title, components, starts_at, ends_at, state)
    select ?, 'x', '{a}', now() - (d + 1) * interval '1 day', now() - d * interval '1 day', 'ended'
    from unnest(array[399, 401]) d}, $tenant);
$p->sql('select health.keep() + health.forget()');
is $p->sql(q{select count(*) from health.component_changes where component = 'old'}), 2,
    'changes of more than 400 days';
is $p->sql(q{select count(*) from health.component_changes where component = 'quiet'}), 1,
    'but not the one that still holds';
is $p->sql("select count(*) from health.$_"), 1, $_
    for qw(incidents incident_updates maintenances maintenance_components);

done_testing;
