# Once, however often and whatever dies: an event a hundred times at once, a
# worker killed while it sends, a provider that fails once, figures that add up,
# and pages that cost the same however many there are.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Pando;
use Pando::Elsewhere;
use Told;

my $answer = \&Pando::Elsewhere::answer;
my $web = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;

    select undef, undef, undef, 0.3 if $rq->{path} =~ m{^/slow};
    $s->print($answer->(201, ''));
});
my $t = Told->new(workers => 2, to => [$web],
    http => 'pando_jobs lease=2s; pando_set notifications.push live;
             pando_set notifications.lease_seconds 12;');
my $p = $t->{p};
my $ann = $t->user;


# an event that comes a hundred times at once

$t->device($ann, web => $web, at => '/ann');
$t->template(liked => [ map { { channel => $_, locale => 'en', title => 'Liked' } }
    qw(in_app push) ]);
my %once = (template => 'liked', to => { users => [ $ann->{id} ] }, dedup_key => 'event-1');
$p->parallel(map { [ 'POST', '/api/v1/notifications', body => \%once, token => $t->{token} ] }
    1 .. 100);
$t->waits(sub { grep { $_->{path} eq '/ann' } $web->requests }, 'a push is sent');
$t->waits(sub { !($p->sql("select count(*) from notifications.deliveries
    where state in ('queued', 'planned')"))[0][0] }, 'and nothing waits');
is scalar(grep { $_->{path} eq '/ann' } $web->requests), 1, 'a hundred times: one push';
is $t->count($ann)->{unread}, 1, 'one unread';
is scalar($t->inbox($ann)), 1, 'one row';


# a provider that fails once

my $bob = $t->user;
my $first = "$p->{dir}/first";
my $again = Pando::Elsewhere->web(sub {
    my ($s, $rq) = @_;
    my $status = -e $first ? 201 : 500;

    open my $out, '>', $first;
    $s->print($answer->($status, ''));
});
$p->stop;
$p->configure(http => $p->{http} =~ s/(pando_outbound_ports )/$1 . $again->port . ' '/er);
$p->start;
$t->device($bob, web => $again, at => '/again');
my $sent = $t->send(content => { title => 'x' }, channels => ['push'],
                    to => { users => [ $bob->{id} ] });
my $row = sub { ($p->sql('select state, attempts from notifications.deliveries
    where request_id = ?', $_[0]{id}))[0] };
$t->waits(sub { $row->($sent)->[1] == 1 && $again->requests == 1 }, 'a 500');
$t->waits(sub { ($p->sql('select error_code from notifications.deliveries where request_id = ?',
    $sent->{id}))[0][0] }, 'is noted');
$p->sql('update notifications.deliveries set next_at = clock_timestamp() where request_id = ?',
    $sent->{id});
$p->sql('select notifications.wake(?, ?, 1)', $Pando::Token::TENANT, 'transactional');
$t->waits(sub { $row->($sent)->[0] eq 'sent' }, 'then a 201');
is $row->($sent)->[1], 2, 'of one delivery, in two attempts';


# workers are killed while they send

my @users = map { my $u = $t->user; $t->device($u, web => $web, at => "/slow/$_"); $u } 1 .. 12;
$web->forget;
$sent = $t->send(content => { title => 'x' }, channels => ['push'],
                 to => { users => [ map { $_->{id} } @users ] });
$t->waits(sub { grep { $_->{path} =~ /slow/ } $web->requests }, 'on their way');
$p->kill_worker('KILL', $_) for $p->worker_pids;
my $polls = 0;
$t->waits(sub {
    $t->release if $polls++ % 100 == 0;
    my ($count) = @{ $t->get("/notifications/requests/$sent->{id}")->json->{counts} };
    $count->{n} == 12 && $count->{state} eq 'sent';
}, 'all are sent, in the end', 90);
my %times;
$times{$_->{path}}++ for grep { $_->{path} =~ /slow/ } $web->requests;
is scalar(keys %times), 12, 'each device has got it';
is scalar(grep { $_ > 2 } values %times), 0, 'at most once more than once';


# figures, and what is written

$p->sql('select notifications.count_up(now())');
my $path = '/communications/analytics';
my $figures = $t->works($t->get("$path?by=channel,provider"), "GET $path", 200)->{data};
my ($push) = grep { $_->{channel} eq 'push' && $_->{provider} eq 'webpush' } @$figures;
is $push->{sent}, 14, 'what was sent';
my ($in) = grep { $_->{channel} eq 'in_app' } @$figures;
is $in->{delivered}, 1, 'what was delivered';
my ($all) = @{ $t->get("$path?by=channel")->json->{data} };
is $all->{provider}, undef, 'by what is asked for';
is_deeply $t->get("$path?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z")->json->{data}, [],
    'of a time';
$t->fails($t->get("$path?from=2020-02-01T00:00:00Z&to=2020-01-01T00:00:00Z"), "GET $path",
    'bad_span', '?to');
my $list = $t->works($t->get('/communications/templates'), 'GET /communications/templates', 200);
is_deeply [ map { "$_->{key} $_->{channel}" } @{ $list->{data} } ],
    [ 'liked in_app', 'liked push' ], 'what is written for which channel';
is_deeply $t->get('/communications/templates', token => $Told::OTHER)->json->{data}, [],
    'by this tenant';

# a test, to oneself

my %me = (token => $p->token(scope => 'notifications:admin', sub => $bob->{id}));
my $test = 'POST /notification-templates/{key}/test-send';
$t->works($t->post('/notification-templates/liked/test-send', { data => {} }, %me), $test, 202);
is(($t->inbox($bob))[0]{title}, 'Liked', 'a test comes to who asked');
$t->fails($t->post('/notification-templates/none/test-send', { data => {} }, %me), $test,
    'not_found');
$t->fails($t->post('/notification-templates/liked/test-send', { data => {} },
    token => $p->token(scope => 'notifications:admin', sub => undef)), $test, 'no_user');


# counters that were wrong are healed

$p->sql('update notifications.counters set unread = 99 where user_id = ?', $ann->{id});
$p->sql(q{select pando.enqueue('notifications.heal')});
$t->waits(sub { $t->count($ann)->{unread} == 1 }, 'a recount heals');


# flat: pages and counts read no more of the database with more in it

sub blocks
{
    my ($what) = @_;
    my ($plan) = map { $_->[0] } $p->sql("explain (analyze, buffers, format json) $what");
    my $root = decode_json($plan)->[0]{Plan};
    return $root->{'Shared Hit Blocks'} + $root->{'Shared Read Blocks'};
}

my @asked = ("select notifications.doc(n) from notifications.notifications n
    where tenant_id = '$Pando::Token::TENANT' and user_id = '$ann->{id}' and archived_at is null
    order by sort_id desc limit 50",
    "select notifications.counted('$Pando::Token::TENANT', '$ann->{id}')");
my $fill = sub { $p->sql("insert into notifications.notifications (tenant_id, user_id, id, sort_id,
    request_id, category, title, body, actions, actor_ids)
    select ?, md5((n % 500)::text)::uuid, i, i, i, 'c', 't', 'b', '[]', '{}'
      from (select n, pando.uuid7() as i from generate_series(1, ?) as n) x",
    $Pando::Token::TENANT, $_[0]); $p->sql('analyze notifications.notifications') };
$fill->(1_000);
my @few = map { blocks($_) } @asked, @asked;
$fill->(50_000);
my @many = map { blocks($_) } @asked, @asked;
ok $many[2] <= $few[2] + 12, 'a page: no more blocks of many' or diag "$few[2] $many[2]";
ok $many[3] <= $few[3] + 4, 'nor the count' or diag "$few[3] $many[3]";
$t->all_provoked('notifications_figures.c');

done_testing;
