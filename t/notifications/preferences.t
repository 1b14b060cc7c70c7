# What users want: the table of truth, as it is written down here once more;
# who may say what; and what it comes to when something is sent.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Told;

my $t = Told->new;
my $p = $t->{p};
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);


# the table: mandatory, marketing and consent, four words of the user's, four
# of the house, what is usual

my @words = (undef, 'on', 'off', 'digest_daily');
my @names = qw(category_channel category channel all);
my (@ask, @want);

sub truth
{
    my ($mandatory, $marketing, $consent, $own, $house, $usual) = @_;
    return 'on mandatory' if $mandatory;
    return 'off no_consent' if $marketing && !$consent;

    for my $i (0 .. 3) {
        return "$own->[$i] $names[$i]" if defined $own->[$i];
    }

    for my $i (0 .. 3) {
        return "$house->[$i] tenant" if defined $house->[$i];
    }

    return ($usual ? 'on' : 'off') . ' default';
}

for my $case (0 .. 4 ** 4 - 1) {
    my @own = map { $words[($case >> 2 * $_) % 4] } 0 .. 3;

    for my $bits (0 .. 31) {
        my ($mandatory, $marketing, $consent, $usual, $with) = map { $bits >> $_ & 1 } 0 .. 4;
        my @house = $with ? map { $words[($case * 7 + $_) % 4] } 0 .. 3 : (undef) x 4;

        push @ask, [ $mandatory, $marketing, $consent, \@own, \@house, $usual ];
        push @want, truth($mandatory, $marketing, $consent, \@own, \@house, $usual);
    }
}

my $list = sub { '{' . join(',', map { $_ // 'NULL' } @{ $_[0] }) . '}' };
my @got = map { $_->[0] } $p->sql("
    select d.value || ' ' || d.source from unnest(?::bool[], ?::bool[], ?::bool[], ?::text[],
        ?::text[], ?::bool[]) with ordinality as a (m, k, c, own, house, u, n),
        notifications.decide(m, k, c, own::text[], house::text[], u) as d order by n",
    map { my $i = $_; [ map { my $v = $_->[$i]; ref $v ? $list->($v) : $v ? 't' : 'f' } @ask ] }
        0 .. 5);
is scalar(@got), 8192, 'all of the table';
is_deeply \@got, \@want, 'comes to what it should';


# what it comes to

my $u = $t->user;
my %as = (token => $u->{token});
my $put = 'PUT /notification-preferences';
my $sends = sub {
    my ($category, @also) = @_;
    my $sent = $t->send(content => { title => 'x' }, category => $category,
                        to => { users => [ $u->{id} ] });
    my $r = $t->get("/notifications/requests/$sent->{id}")->json->{deliveries}[0];
    return "$r->{state} $r->{decided_by}";
};
my $set = sub { $t->put('/notification-preferences', { data => [ map {
    +{ category => $_->[0], channel => $_->[1], value => $_->[2] } } @_ ] }, %as) };

$t->post('/notification-categories', { title => $_->[0], key => $_->[0], %{ $_->[1] } }) for
    [ news => { class => 'marketing' } ], [ likes => { class => 'social' } ],
    [ security => { mandatory => $yes } ];

is $sends->('likes'), 'delivered default', 'who says nothing gets it';
is_deeply $t->works($set->([ '*', '*', 'off' ], [ 'likes', '*', 'on' ]), $put, 200)->{data},
    [ { category => '*', channel => '*', value => 'off' },
      { category => 'likes', channel => '*', value => 'on' } ], 'preferences are set';
is $sends->('likes'), 'delivered category', 'the more specific word is right';
is $sends->('security'), 'delivered mandatory', 'a mandatory one is not asked';
is $sends->('news'), 'skipped no_consent', 'marketing needs consent';
$set->();
$t->works($t->put('/notification-preferences/contact', { marketing => $yes,
    time_zone => 'Europe/Berlin' }, %as), 'PUT /notification-preferences/contact', 200);
is $sends->('news'), 'delivered default', 'which is given';
$t->put('/notification-preferences/contact', { marketing => $no }, %as);
is $sends->('news'), 'skipped no_consent', 'and taken back';

is $t->put('/notification-preferences?of=tenant', { data => [ { category => 'likes',
    channel => 'in_app', value => 'off' } ] })->{status}, 200, 'the house has words, too';
is $sends->('likes'), 'skipped tenant', 'for who says nothing';
$set->([ 'likes', 'in_app', 'on' ]);
is $sends->('likes'), 'delivered category_channel', 'but no more than that';
is scalar @{ $t->works($t->get('/notification-preferences', %as),
    'GET /notification-preferences', 200)->{data} }, 1, 'a user sees those of the user';

$t->fails($set->([ 'likes', '*', 'on' ], [ 'security', '*', 'off' ]), $put,
    'mandatory_category', '/data/1/category');
$t->fails($set->([ 'likes', '*', 'on' ], [ 'likes', '*', 'off' ]), $put, 'preference_twice');
is scalar @{ $t->as($u, '/notification-preferences')->{data} }, 1, 'nothing of it is kept';
$t->fails($t->get('/notification-preferences?of=tenant', %as), 'GET /notification-preferences',
    'forbidden');
$t->fails($t->put('/notification-preferences?of=tenant', { data => [] }, %as), $put, 'forbidden');
$t->works($t->get('/notification-preferences/contact', %as),
    'GET /notification-preferences/contact', 200);
$t->fails($t->get('/notification-preferences/contact', token => $t->user->{token}),
    'GET /notification-preferences/contact', 'not_found');

$t->fails($t->put('/notification-preferences/contact', { locale => 'de' }, %as,
    'If-Match' => '"v99"'), 'PUT /notification-preferences/contact', 'precondition_failed');
$t->fails($t->put('/notification-preferences/contact', { locale => 'de' },
    token => $t->user->{token}, 'If-Match' => '"v1"'), 'PUT /notification-preferences/contact',
    'precondition_failed');

for my $zone ('Mars/Olympus', 'UTC5', 'nowhere', "Europe/Berlin'", '') {
    $t->fails($t->put('/notification-preferences/contact', { time_zone => $zone }, %as),
        'PUT /notification-preferences/contact', 'unknown_time_zone', '/time_zone',
        "no time zone: $zone");
}

$t->all_provoked('notifications_preferences.c');

done_testing;
