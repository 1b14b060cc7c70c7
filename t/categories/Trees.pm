# What the tests of categories share: a server with a tenant, trees to test on,
# and the routes' own tables.
#
#   my $t = Trees->new;
#   my $places = $t->taxonomy(key => 'places');
#   my $cafe = $t->category($places, 'Cafe', parent_id => $food->{id});
#   $t->fails($t->post('/categories', {...}), 'POST /categories', 'slug_taken');
#   $t->all_provoked('categories_edit.c');
#
# large => 1 is for trees so large that no answer of them is checked against its
# shape, which takes no document of that many values.
#
# Every good answer is held against its route's round trips, every refusal is
# noted, and all_provoked() asks that none declared in that file is missing.

package Trees;

use strict;
use warnings;

use Pando;
use Test::More;

our $OTHER = { scope => 'categories:admin', tid => $Pando::Token::OTHER };
our $NIL = '00000000-0000-0000-0000-000000000000';
our $NOBODY = '01900000-0000-7000-8000-0000000000ff';

my $dir = "$Pando::ROOT/modules/categories";


sub new
{
    my ($class, %set) = @_;
    my $t = bless { routes => {}, problems => {}, seen => {} }, $class;

    my $large = delete $set{large};

    $t->{p} = Pando->new(domains => ['categories'], start => 0,
        server => "pando_tenant $Pando::Token::TENANT;", %set);
    $t->{p}->configure(conf => $t->{p}->default_conf
                       =~ s/(pando_verify_replies\s+)on/$1off/r) if $large;
    $t->{p}->start;
    $t->{token} = $t->{p}->token(scope => 'categories:admin');
    $t->read_source($_) for glob "$dir/*.c";
    return $t;
}


# The problems and routes of a file, as it declares them.
sub read_source
{
    my ($t, $path) = @_;
    my ($file) = $path =~ m{([^/]+)$};
    my (%own, %macro);

    open my $in, '<', $path or die "$path: $!\n";
    my $c = do { local $/; <$in> };

    while ($c =~ /^((?:categories_)?\w+)\ =\ \{\s+\.status\ =\ (\d+),\s+
                  \.code\ =\ "(\w+)"(.*?)\n?\}[,;]$/gmsx)
    {
        my ($name, $status, $code, $rest) = ($1, $2, $3, $4);
        my ($text) = $rest =~ /\.text\s*=\s*((?:"[^"]*"\s*)+)/;

        $text = join '', $text =~ /"([^"]*)"/g;
        my $problem = { status => $status, code => $code, text => $text };
        $own{$name} = $problem;
        $t->{problems}{$name} = $problem if $name =~ /^categories_/;
    }

    $macro{$1} = $2 while $c =~ /^#define\s+(\w+)\s*\\\n((?:.*\\\n)*.*\n)/gm;

    while ($c =~ /\{\ PANDO_(GET|POST|PUT|PATCH|DELETE),\ "([^"]+)"(.*?)\},\n\n/gs)
    {
        my ($route, $row) = ("$1 $2", $3);

        $row =~ s/\.fails = (\w+)/.fails = $macro{$1}/;
        my ($fails) = $row =~ /\.fails = \{(.*?)\}/s;
        my ($trips) = $row =~ /\.trips = (\d+)/;

        $t->{routes}{$route} = { file => $file, trips => $trips,
            own => \%own, fails => [ ($fails // '') =~ /&(\w+)/g ] };
    }
}


# Requests below /api/v1, as an admin unless a token is given.
for my $verb (qw(get delete post put patch)) {
    no strict 'refs';
    *$verb = sub {
        my ($t, $path, @rest) = @_;
        my @body = $verb =~ /^(?:get|delete)$/ ? () : shift @rest;
        my $p = $t->{p};

        return $p->$verb("/api/v1$path", @body, token => $t->{token}, @rest);
    };
}

sub public { my ($t, $path, @o) = @_; $t->{p}->get("/api/v1$path", @o) }


# A good answer, in no more round trips than the route says.
sub works
{
    my ($t, $r, $route, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $declared = $t->{routes}{$route} or die "there is no $route\n";
    my ($trips) = ($r->header('Server-Timing') // '') =~ /desc="(\d+)"/;

    is $r->{status}, $status, $name // $route or diag $r->{body};
    cmp_ok $trips // 0, '<=', $declared->{trips} // 0,
        "$route: at most $declared->{trips} round trips";
    return $r->json;
}


sub fails
{
    my ($t, $r, $route, $code, $pointer, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $j = $r->json // {};
    my $at = ($j->{errors} // [])->[0]{pointer};

    die "there is no $route\n" unless $t->{routes}{$route};
    is join(' ', $j->{code} // $r->{status}, $at // ()),
        join(' ', $code, $pointer // ()), $name // "$route: $code"
        or diag $r->{body} || $r->{raw};
    $t->{seen}{$route}{$j->{detail} // ''} = $j->{status};
    return $j;
}


# Whether each failure that the routes of these files declare was seen.
sub all_provoked
{
    my ($t, @files) = @_;
    my %own = (pando_not_found => 'there is no such thing here',
        pando_precondition => 'the version is no longer the one in if-match',
        pando_unauthorized => 'a valid bearer token is needed',
        pando_forbidden => 'the token does not allow this');

    for my $route (sort keys %{ $t->{routes} }) {
        my $row = $t->{routes}{$route};

        next unless grep { $_ eq $row->{file} } @files;

        my @missing = grep {
            my $problem = $row->{own}{$_} // $t->{problems}{$_};
            my $text = $own{$_} // $problem->{text} // die "what is $_?\n";
            !$t->{seen}{$route}{$text};
        } @{ $row->{fails} };

        is "@missing", '', "$route: each failure it declares was provoked";
    }
}


# Things to test on

my $count = 0;

sub taxonomy
{
    my ($t, %set) = @_;
    my $token = delete $set{token} // $t->{token};
    my $r = $t->{p}->post('/api/v1/taxonomies', { key => 'tree-' . ++$count,
        name => 'A tree', subject => 'place', %set }, token => $token);

    die "no taxonomy: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


sub category
{
    my ($t, $taxonomy, $name, %set) = @_;
    my $token = delete $set{token} // $t->{token};
    my $query = delete $set{query} // '';
    my $r = $t->{p}->post("/api/v1/categories$query", { name => $name,
        taxonomy_id => $taxonomy->{id}, %set }, token => $token);

    die "no category: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


# The tree as names: [ [ 'Food', [ 'Cafe' ] ], ... ]
sub names
{
    my ($t, $taxonomy, $query, @opt) = @_;
    my $r = $t->get("/categories?taxonomy=$taxonomy->{id}" . ($query // ''),
                    @opt);

    return $r->json ? named($r->json->{tree}) : "status $r->{status}";
}


sub named
{
    return [ map {
        my @below = @{ named($_->{children}) };
        @below ? ($_->{name}, \@below) : $_->{name}
    } @{ $_[0] } ];
}


# Nothing is its own ancestor, and each path is its parent's and its label.
sub sound
{
    my ($t, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_deeply [ $t->{p}->sql(<<'SQL') ], [], $name // 'the tree holds together';
WITH RECURSIVE up AS (
    SELECT c.id, c.live, c.parent_id, 1 AS steps
      FROM categories.categories AS c
    UNION ALL
    SELECT up.id, up.live, c.parent_id, up.steps + 1
      FROM up JOIN categories.categories AS c
        ON c.id = up.parent_id AND c.live = up.live
     WHERE up.steps < 30
)
SELECT 'cycle', id FROM up WHERE steps >= 30
UNION ALL
SELECT 'path', c.id
  FROM categories.categories AS c
  LEFT JOIN categories.categories AS p ON p.id = c.parent_id AND p.live = c.live
 WHERE c.path <> coalesce(p.path, '') || categories.label(c.seq)
SQL
}

1;
