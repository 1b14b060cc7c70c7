# Pages: keyset, sealed cursors, sorts and filters, stable under inserts.

use Pando;

my $p = Pando->new(domains => ['probe']);
my $tenant = '00000000-0000-7000-8000-0000000000b1';
my %as = (token => { scope => 'probe:admin', tid => $tenant });
my $path = '/api/v1/probes';

# ties in the sort key, so that the second key must decide
$p->sql("insert into probe.probes (tenant_id, name, created_at)
         select ?, 'n' || lpad(i::text, 4, '0'),
                timestamptz '2026-01-01' + (i / 10) * interval '1 s'
           from generate_series(1, 500) as i", $tenant);

sub walk
{
    my ($query, $between) = @_;
    my ($url, @names) = "$path?$query";

    for (1 .. 600) {
        my $r = $p->get($url, %as);
        die "$r->{status} $r->{body}" if $r->{status} != 200;
        my $page = $r->json;

        push @names, map { $_->{name} } @{ $page->{data} };
        $between->() if $between;
        return @names unless defined $page->{next};
        $url = "$path?$query&cursor=$page->{next}";
    }

    die "no end\n";
}

my @all = map { sprintf 'n%04d', $_ } 1 .. 500;

is scalar @{ $p->get($path, %as)->json->{data} }, 50, 'fifty by default';
is join(' ', walk('limit=7&sort=name')), join(' ', @all), 'by name';
is join(' ', sort(walk('limit=7&sort=created_at'))), join(' ', @all),
    'ties in the key: each once';
is join(' ', walk('limit=200')), join(' ', walk('limit=13')),
    'the size of a page does not matter';
is join(' ', walk('limit=33&sort=-created_at')),
    join(' ', reverse walk('limit=50')), 'and back again';
is join(' ', walk('limit=3&sort=name&prefix=n001')),
    join(' ', map { "n001$_" } 0 .. 9), 'a filter goes along';

my $n = 0;
my @seen = walk('limit=50&sort=name', sub {
    $p->post($path, { name => 'm' . ++$n }, %as);    # before where we are
});
is scalar(grep { /^n/ } @seen), 500, 'rows that come meanwhile move nothing';

is $p->get("$path?limit=1&sort=name", %as)->json->{data}[0]{name}, 'm1';
is $p->get("$path?prefix=zzz", %as)->{body} =~ s/\s//gr,
    '{"data":[],"next":null}', 'nothing is an empty page';


# cursors open only where they were given

my $next = $p->get("$path?limit=5", %as)->json->{next};
my $r = $p->get("$path?limit=5&cursor=$next", %as);
is $r->{status}, 200;

for (
    [ 'of another sort', "limit=5&sort=name&cursor=$next" ],
    [ 'cut short', 'limit=5&cursor=' . substr $next, 0, -3 ],
    [ 'made up', 'limit=5&cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' ],
    [ 'empty', 'limit=5&cursor=' ],
) {
    my ($what, $query) = @$_;
    my $r = $p->get("$path?$query", %as);
    like $r->{status}, qr/^4(?:00|22)$/, "a cursor $what";
}

for my $i (0 .. length($next) - 1) {
    my $bad = $next;
    substr $bad, $i, 1, substr($bad, $i, 1) eq 'A' ? 'B' : 'A';
    my $status = $p->get("$path?limit=5&cursor=$bad", %as)->{status};
    $status == 400 or fail("byte $i of a cursor changed: $status");
}

pass 'no byte of a cursor can be changed';

is $p->get("$path?limit=5&cursor=$next",
    token => { scope => 'probe:admin',
               tid => '00000000-0000-7000-8000-0000000000b2' })->{status}, 400,
    'nor used by another tenant';


# parameters

for (
    [ 'limit=0', '?limit' ], [ 'limit=201', '?limit' ],
    [ 'limit=many', '?limit' ], [ 'sort=amount', '?sort' ],
    [ 'sort=-name', '?sort' ], [ 'colour=red', '?colour' ],
    [ 'prefix=' . 'x' x 81, '?prefix' ],
) {
    my ($query, $pointer) = @$_;
    my $r = $p->get("$path?$query", %as);
    is $r->{status}, 422, $query;
    is $r->json->{errors}[0]{pointer}, $pointer;
}

done_testing;
