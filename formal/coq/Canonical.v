(** The canonical rendering of what agents sign (protocol/src/signing/renderings.ts, decimal.ts): keys sorted by byte, reals with nine decimals.
    Shown: the text does not depend on the order in which the fields came, and two summaries have the same text exactly when the values
    that count are the same: texts, whole numbers, and reals rounded half to even to nine decimals, sign included.

    A real is a double as it is: a sign, and a mantissa times a power of two. Texts are printable ASCII, as protocol/src/pcs/schema.ts demands;
    of those JSON escapes the quote and the backslash only. What ties this file to the code is src/coq/run-coq.ts: both render some hundred
    samples, among them all kinds of doubles, and must come to the same texts. *)

From Coq Require Import List Ascii String NArith ZArith Permutation Bool Lia Decimal DecimalString DecimalPos DecimalN.
Import ListNotations.
Open Scope N_scope.

Definition text := list ascii.
Definition lit (s : string) : text := list_ascii_of_string s.

(** * Numbers *)

Definition digit (d : N) : ascii := ascii_of_N (48 + d).

(** As many digits as it takes. *)
Definition dec (n : N) : text := lit (NilZero.string_of_uint (N.to_uint n)).

(** Exactly [k] digits. *)
Fixpoint fixed (k : nat) (n : N) : text :=
  match k with
  | O => []
  | S k' => fixed k' (n / 10) ++ [digit (n mod 10)]
  end.

(** A real rounded to nine decimals. A zero has a sign too. *)
Record nine := { negative : bool; billionths : N }.

Definition billion : N := 1000000000.

Definition render_nine (x : nine) : text :=
  (if negative x then ["-"%char] else []) ++ dec (billionths x / billion) ++ "."%char :: fixed 9 (billionths x mod billion).

(** [num / den], half to even. *)
Definition half_even (num den : N) : N :=
  let q := num / den in
  let r := num mod den in
  if 2 * r <? den then q else if den <? 2 * r then q + 1 else if N.even q then q else q + 1.

(** A double: [mantissa * 2 ^ exponent], with its sign. *)
Record double := { minus : bool; mantissa : N; exponent : Z }.

Definition rounded_nine (x : double) : nine :=
  {| negative := minus x;
     billionths :=
       if Z.leb 0 (exponent x) then mantissa x * 2 ^ Z.to_N (exponent x) * billion
       else half_even (mantissa x * billion) (2 ^ Z.to_N (- exponent x)) |}.

(** * Values, objects, and their text *)

Inductive field := Real (x : double) | Whole (n : N) | Text (t : text).
Inductive value := VReal (x : nine) | VWhole (n : N) | VText (t : text).

(** What of a field counts. *)
Definition counts (f : field) : value :=
  match f with Real x => VReal (rounded_nine x) | Whole n => VWhole n | Text t => VText t end.

Definition quote : ascii := """"%char.
Definition backslash : ascii := "\"%char.
Definition special (c : ascii) : bool := Ascii.eqb c quote || Ascii.eqb c backslash.

Fixpoint escaped (t : text) : text :=
  match t with
  | [] => []
  | c :: rest => if special c then backslash :: c :: escaped rest else c :: escaped rest
  end.

Definition quoted (t : text) : text := quote :: escaped t ++ [quote].

Definition render_value (v : value) : text :=
  match v with VReal x => render_nine x | VWhole n => dec n | VText t => quoted t end.

(** An object as it came: members in any order. *)
Definition object := list (string * field).

Fixpoint lookup (name : string) (o : object) : option field :=
  match o with
  | [] => None
  | (n, f) :: rest => if String.eqb n name then Some f else lookup name rest
  end.

(** The members of these names, in this order, up to the closing brace; nothing where one is missing. *)
Fixpoint members (show : value -> text) (names : list string) (o : object) : option text :=
  match names with
  | [] => Some ["}"%char]
  | name :: rest =>
      match lookup name o, members show rest o with
      | Some f, Some tail =>
          let separator := match rest with [] => [] | _ => [","%char] end in
          Some (quoted (lit name) ++ ":"%char :: show (counts f) ++ separator ++ tail)
      | _, _ => None
      end
  end.

Definition rendering (show : value -> text) (names : list string) (o : object) : option text :=
  match members show names o with Some t => Some ("{"%char :: t) | None => None end.

Definition signed_names : list string :=
  ["D_hat"; "budget"; "coh_star"; "epoch"; "merkle_root"; "pcs_id"; "r"; "shard_id"]%string.

Definition canonical : object -> option text := rendering render_value signed_names.

(** * The order of the input *)

Lemma lookup_in name f o : NoDup (map fst o) -> (lookup name o = Some f <-> In (name, f) o).
Proof.
  induction o as [|[n g] o IH]; cbn; intros Hnd; [split; easy|].
  inversion Hnd as [|? ? Hn Hnd']; subst.
  destruct (String.eqb_spec n name) as [->|Hne].
  - split; [intros [= ->]; now left|]. intros [[= ->]|Hin]; [easy|].
    exfalso. apply Hn. change name with (fst (name, f)). now apply in_map.
  - rewrite (IH Hnd'). split; [now right|]. intros [[= Heq _]|Hin]; [easy|easy].
Qed.

Lemma lookup_permuted name o o' : NoDup (map fst o) -> Permutation o o' -> lookup name o = lookup name o'.
Proof.
  intros Hnd Hp.
  assert (Hnd' : NoDup (map fst o')) by (eapply Permutation_NoDup; [apply Permutation_map, Hp|easy]).
  destruct (lookup name o) as [f|] eqn:E.
  - symmetry. apply lookup_in; [easy|]. eapply Permutation_in; [exact Hp|]. now apply lookup_in.
  - destruct (lookup name o') as [f|] eqn:E'; [|easy].
    apply lookup_in in E'; [|easy].
    assert (Hin : In (name, f) o) by (eapply Permutation_in; [apply Permutation_sym, Hp|easy]).
    apply lookup_in in Hin; [congruence|easy].
Qed.

Theorem order_of_fields_is_of_no_consequence o o' :
  NoDup (map fst o) -> Permutation o o' -> canonical o = canonical o'.
Proof.
  intros Hnd Hp. unfold canonical, rendering.
  assert (H : members render_value signed_names o = members render_value signed_names o').
  { generalize signed_names as names. induction names as [|name names IH]; cbn; [easy|].
    rewrite (lookup_permuted name o o' Hnd Hp), IH. easy. }
  now rewrite H.
Qed.

Fixpoint strictly_ascending (names : list string) : bool :=
  match names with
  | a :: (b :: _) as rest => String.ltb a b && strictly_ascending rest
  | _ => true
  end.

(** By byte, which is how [String.ltb] compares. *)
Theorem signed_names_are_sorted : strictly_ascending signed_names = true.
Proof. reflexivity. Qed.

(** * Digits *)

Definition is_digit (c : ascii) : bool := (48 <=? N_of_ascii c) && (N_of_ascii c <=? 57).
Definition of_number (c : ascii) : bool := is_digit c || Ascii.eqb c "-" || Ascii.eqb c ".".

Lemma digits_empty d : forallb is_digit (lit (NilEmpty.string_of_uint d)) = true.
Proof. induction d; cbn; auto. Qed.

Lemma dec_digits n : forallb is_digit (dec n) = true.
Proof.
  unfold dec, NilZero.string_of_uint. destruct (N.to_uint n) eqn:E; try reflexivity; rewrite <- E; apply digits_empty.
Qed.

Lemma to_uint_nonnil n : N.to_uint n <> Nil.
Proof. destruct n; cbn; [easy|]. apply DecimalPos.Unsigned.to_uint_nonnil. Qed.

Lemma dec_nonempty n : dec n <> [].
Proof.
  unfold dec, NilZero.string_of_uint. pose proof (to_uint_nonnil n). destruct (N.to_uint n); cbn; easy.
Qed.

Lemma lit_injective a b : lit a = lit b -> a = b.
Proof.
  intros H. apply (f_equal string_of_list_ascii) in H. unfold lit in H. now rewrite !string_of_list_ascii_of_string in H.
Qed.

Lemma dec_injective n m : dec n = dec m -> n = m.
Proof.
  intros H. apply lit_injective in H.
  apply (f_equal NilZero.uint_of_string) in H.
  rewrite !NilZero.usu in H by apply to_uint_nonnil.
  injection H as H. apply (f_equal N.of_uint) in H. now rewrite !DecimalN.Unsigned.of_to in H.
Qed.

Lemma digit_injective a b : a < 10 -> b < 10 -> digit a = digit b -> a = b.
Proof.
  intros Ha Hb H. apply (f_equal N_of_ascii) in H. unfold digit in H.
  rewrite !N_ascii_embedding in H by lia. lia.
Qed.

Lemma fixed_injective k : forall n m, n < 10 ^ N.of_nat k -> m < 10 ^ N.of_nat k -> fixed k n = fixed k m -> n = m.
Proof.
  induction k as [|k IH]; intros n m Hn Hm H.
  - cbn in *. lia.
  - cbn [fixed] in H. apply app_inj_tail in H as [Hrest Hlast].
    rewrite Nat2N.inj_succ, N.pow_succ_r' in Hn, Hm.
    assert (Hq : n / 10 = m / 10) by (apply IH; [apply N.div_lt_upper_bound; lia .. | easy]).
    assert (Hr : n mod 10 = m mod 10)
      by (apply digit_injective; [apply N.mod_lt; lia | apply N.mod_lt; lia | easy]).
    rewrite (N.div_mod n 10), (N.div_mod m 10) by lia. congruence.
Qed.

Lemma digit_is_digit d : d < 10 -> is_digit (digit d) = true.
Proof.
  intros H. unfold is_digit, digit. rewrite N_ascii_embedding by lia.
  apply andb_true_intro; split; apply N.leb_le; lia.
Qed.

Lemma fixed_digits k : forall n, forallb is_digit (fixed k n) = true.
Proof.
  induction k as [|k IH]; intros n; cbn [fixed]; [easy|].
  rewrite forallb_app, IH. cbn [forallb]. rewrite digit_is_digit; [easy|]. apply N.mod_lt. lia.
Qed.

(** Two runs of one kind of characters that end at another kind are the same run. *)
Lemma runs (kind : ascii -> bool) a : forall b c d r s,
  forallb kind a = true -> forallb kind b = true -> kind c = false -> kind d = false ->
  a ++ c :: r = b ++ d :: s -> a = b /\ c :: r = d :: s.
Proof.
  induction a as [|x a IH]; intros [|y b] c d r s Ha Hb Hc Hd H; cbn in *.
  - easy.
  - injection H as -> ->. apply andb_prop in Hb as [Hy _]. congruence.
  - injection H as -> _. apply andb_prop in Ha as [Hx _]. congruence.
  - injection H as -> H. apply andb_prop in Ha as [_ Ha]. apply andb_prop in Hb as [_ Hb].
    destruct (IH b c d r s Ha Hb Hc Hd H) as [-> H']. easy.
Qed.

(** * Reals *)

Lemma unsigned_injective n m :
  dec (n / billion) ++ "."%char :: fixed 9 (n mod billion) = dec (m / billion) ++ "."%char :: fixed 9 (m mod billion) -> n = m.
Proof.
  intros H. apply (runs is_digit) in H as [Hi Hf]; [|apply dec_digits|apply dec_digits|reflexivity|reflexivity].
  apply dec_injective in Hi.
  assert (Hg : fixed 9 (n mod billion) = fixed 9 (m mod billion)) by congruence.
  apply fixed_injective in Hg; [|apply (N.mod_lt _ billion); discriminate..].
  rewrite (N.div_mod n billion), (N.div_mod m billion) by discriminate. congruence.
Qed.

Lemma dec_no_minus n r s : "-"%char :: r <> dec n ++ s.
Proof.
  intros H. pose proof (dec_digits n) as Hd. pose proof (dec_nonempty n) as Hne.
  destruct (dec n) as [|c t]; [easy|]. cbn in *. injection H as <- _. discriminate.
Qed.

Theorem nine_decimals_are_injective x y : render_nine x = render_nine y -> x = y.
Proof.
  destruct x as [s n], y as [t m]. unfold render_nine; cbn [negative billionths]. intros H.
  assert (Hs : s = t).
  { destruct s, t; cbn in H; try easy; exfalso; [|symmetry in H]; eapply dec_no_minus; exact H. }
  subst t. f_equal. destruct s; cbn in H; [injection H as H|]; now apply unsigned_injective.
Qed.

Lemma digits_of_number t : forallb is_digit t = true -> forallb of_number t = true.
Proof.
  intros H. apply forallb_forall. intros c Hc. rewrite forallb_forall in H. unfold of_number. now rewrite (H c Hc).
Qed.

(** No exponent, nothing but digits, a sign and a point. *)
Lemma nine_of_number x : forallb of_number (render_nine x) = true.
Proof.
  unfold render_nine. rewrite !forallb_app. cbn [forallb].
  rewrite (digits_of_number _ (dec_digits _)), (digits_of_number _ (fixed_digits 9 _)).
  destruct (negative x); reflexivity.
Qed.

Lemma dec_of_number n : forallb of_number (dec n) = true.
Proof. apply digits_of_number, dec_digits. Qed.

Lemma nine_is_not_whole x n : render_nine x <> dec n.
Proof.
  intros H. pose proof (dec_digits n) as Hd. rewrite <- H in Hd. unfold render_nine in Hd.
  rewrite !forallb_app in Hd. cbn [forallb] in Hd.
  apply andb_prop in Hd as [_ Hd]. apply andb_prop in Hd as [_ Hd]. discriminate Hd.
Qed.

(** Rounding is to the nearest, and a tie goes to the even digit: what C and Python do with the exact value of a double. *)
Theorem half_even_is_nearest num den : den <> 0 ->
  2 * num <= 2 * half_even num den * den + den /\ 2 * half_even num den * den <= 2 * num + den.
Proof.
  intros Hd. unfold half_even. pose proof (N.div_mod num den Hd) as E. pose proof (N.mod_lt num den Hd) as L.
  set (q := num / den) in *. set (r := num mod den) in *.
  destruct (2 * r <? den) eqn:E1; [apply N.ltb_lt in E1; nia|apply N.ltb_ge in E1].
  destruct (den <? 2 * r) eqn:E2; [apply N.ltb_lt in E2; nia|apply N.ltb_ge in E2].
  destruct (N.even q); nia.
Qed.

Theorem half_even_goes_to_even num den : den <> 0 ->
  2 * num = 2 * half_even num den * den + den \/ 2 * half_even num den * den = 2 * num + den -> N.even (half_even num den) = true.
Proof.
  intros Hd. unfold half_even. pose proof (N.div_mod num den Hd) as E. pose proof (N.mod_lt num den Hd) as L.
  set (q := num / den) in *. set (r := num mod den) in *.
  destruct (2 * r <? den) eqn:E1; [apply N.ltb_lt in E1; intros [H|H]; nia|apply N.ltb_ge in E1].
  destruct (den <? 2 * r) eqn:E2; [apply N.ltb_lt in E2; intros [H|H]; nia|apply N.ltb_ge in E2].
  intros _. destruct (N.even q) eqn:Q; [easy|]. rewrite N.even_add, Q. reflexivity.
Qed.

(** * Texts *)

Lemma escaped_injective a : forall b r s, escaped a ++ quote :: r = escaped b ++ quote :: s -> a = b /\ r = s.
Proof.
  assert (Hq : special quote = true) by reflexivity.
  assert (Hb : special backslash = true) by reflexivity.
  induction a as [|x a IH]; intros [|y b] r s H; cbn in H.
  - injection H as ->. easy.
  - destruct (special y) eqn:Y; cbn in H; [discriminate H|]. injection H as <- _. congruence.
  - destruct (special x) eqn:X; cbn in H; [discriminate H|]. injection H as -> _. congruence.
  - destruct (special x) eqn:X, (special y) eqn:Y; cbn [List.app] in H.
    + assert (Hxy : x = y) by congruence. assert (Hrest : escaped a ++ quote :: r = escaped b ++ quote :: s) by congruence.
      destruct (IH _ _ _ Hrest) as [-> ->]. now subst.
    + assert (Hy : y = backslash) by congruence. congruence.
    + assert (Hx : x = backslash) by congruence. congruence.
    + assert (Hxy : x = y) by congruence. assert (Hrest : escaped a ++ quote :: r = escaped b ++ quote :: s) by congruence.
      destruct (IH _ _ _ Hrest) as [-> ->]. now subst.
Qed.

(** * Whole texts *)

(** What may follow a value ends it, so that no value is the beginning of another. *)
Lemma value_injective v w c d r s :
  of_number c = false -> of_number d = false ->
  render_value v ++ c :: r = render_value w ++ d :: s -> v = w /\ c :: r = d :: s.
Proof.
  intros Hc Hd H.
  destruct v as [x|n|t], w as [y|m|u]; cbn [render_value] in H.
  - apply (runs of_number) in H as [H ?]; auto using nine_of_number. now apply nine_decimals_are_injective in H as ->.
  - apply (runs of_number) in H as [H _]; auto using nine_of_number, dec_of_number. now apply nine_is_not_whole in H.
  - exfalso. apply (runs of_number _ []) in H as [H _]; auto using nine_of_number. unfold render_nine in H.
    apply app_eq_nil in H as [_ H]. apply app_eq_nil in H as [_ H]. discriminate.
  - apply (runs of_number) in H as [H _]; auto using nine_of_number, dec_of_number. symmetry in H. now apply nine_is_not_whole in H.
  - apply (runs of_number) in H as [H ?]; auto using dec_of_number. now apply dec_injective in H as ->.
  - exfalso. apply (runs of_number _ []) in H as [H _]; auto using dec_of_number. now apply dec_nonempty in H.
  - exfalso. symmetry in H. apply (runs of_number _ []) in H as [H _]; auto using nine_of_number. unfold render_nine in H.
    apply app_eq_nil in H as [_ H]. apply app_eq_nil in H as [_ H]. discriminate.
  - exfalso. symmetry in H. apply (runs of_number _ []) in H as [H _]; auto using dec_of_number. now apply dec_nonempty in H.
  - unfold quoted in H. cbn in H. rewrite <- !app_assoc in H. injection H as H.
    apply escaped_injective in H as [-> H]. now injection H as -> ->.
Qed.

Lemma members_head names o t : members render_value names o = Some t -> exists c r, t = c :: r /\ (names = [] -> c = "}"%char).
Proof.
  destruct names as [|name names]; cbn.
  - intros [= <-]. eauto.
  - destruct (lookup name o), (members render_value names o); try discriminate. intros [= <-]. cbn. eexists; eexists; split; [reflexivity|discriminate].
Qed.

Definition counted (name : string) (o : object) : option value := option_map counts (lookup name o).

Lemma members_injective names o o' : forall t,
  members render_value names o = Some t -> members render_value names o' = Some t -> forall name, In name names -> counted name o = counted name o'.
Proof.
  induction names as [|name names IH]; intros t H H' wanted Hin; [easy|].
  cbn [members] in H, H'. unfold counted.
  destruct (lookup name o) as [f|] eqn:E; [|discriminate].
  destruct (members render_value names o) as [tail|] eqn:M; [|discriminate].
  destruct (lookup name o') as [g|] eqn:E'; [|discriminate].
  destruct (members render_value names o') as [tail'|] eqn:M'; [|discriminate].
  injection H as <-. injection H' as H'.
  apply app_inv_head in H'. injection H' as H'.
  destruct (members_head _ _ _ M) as (c & r & -> & Hc). destruct (members_head _ _ _ M') as (d & s & -> & Hd).
  assert (Hboth : counts f = counts g /\ c :: r = d :: s).
  { destruct names as [|second names]; cbn [List.app] in H'.
    - rewrite (Hc eq_refl), (Hd eq_refl) in H'. apply value_injective in H' as [-> H']; [|reflexivity|reflexivity].
      rewrite (Hc eq_refl), (Hd eq_refl). now rewrite H'.
    - apply value_injective in H' as [-> H']; [|reflexivity|reflexivity]. injection H' as -> ->. easy. }
  destruct Hboth as [Hv Ht]. destruct Hin as [<-|Hin].
  - rewrite E, E'. cbn. now rewrite Hv.
  - apply (IH (c :: r)); [reflexivity|now rewrite Ht|exact Hin].
Qed.

(** Two summaries have one text exactly when all that counts of their signed fields is the same. *)
Theorem canonical_is_injective o o' t t' :
  canonical o = Some t -> canonical o' = Some t' ->
  (t = t' <-> forall name, In name signed_names -> counted name o = counted name o').
Proof.
  unfold canonical, rendering. intros H H'.
  destruct (members render_value signed_names o) as [m|] eqn:M; [|discriminate].
  destruct (members render_value signed_names o') as [m'|] eqn:M'; [|discriminate].
  injection H as <-. injection H' as <-. split.
  - intros [= <-]. eapply members_injective; eassumption.
  - intros Hsame. f_equal.
    assert (Hm : members render_value signed_names o = members render_value signed_names o').
    { revert Hsame. clear M M'. generalize signed_names as names.
      induction names as [|name names IH]; cbn [members]; intros Hsame; [easy|].
      rewrite IH by (intros; apply Hsame; now right).
      specialize (Hsame name (or_introl eq_refl)). unfold counted in Hsame.
      destruct (lookup name o), (lookup name o'); cbn in Hsame; try easy. now injection Hsame as ->. }
    congruence.
Qed.

(** * What would not do

    Each of these leaves out one part of the rendering, and the theorem above is then false: so it does not hold for want of demanding anything. *)

Definition tells_apart (show : value -> text) : Prop := forall o o' t,
  rendering show signed_names o = Some t -> rendering show signed_names o' = Some t ->
  forall name, In name signed_names -> counted name o = counted name o'.

Theorem ours_tells_apart : tells_apart render_value.
Proof. intros o o' t H H'. now apply (canonical_is_injective o o' t t H H'). Qed.

Definition nothing : double := {| minus := false; mantissa := 0; exponent := 0 |}.

Definition summary (d_hat : double) (merkle_root pcs_id : string) : object :=
  [("D_hat", Real d_hat); ("budget", Real nothing); ("coh_star", Real nothing); ("epoch", Whole 7); ("merkle_root", Text (lit merkle_root));
   ("pcs_id", Text (lit pcs_id)); ("r", Real nothing); ("shard_id", Text (lit "s"))]%string.

(** Texts between quotes, as they are. *)
Definition unescaped (v : value) : text := match v with VText t => quote :: t ++ [quote] | _ => render_value v end.

Theorem without_escapes_values_are_confused : ~ tells_apart unescaped.
Proof.
  intros H.
  specialize (H (summary nothing "x"",""pcs_id"":""y" "z") (summary nothing "x" "y"",""pcs_id"":""z") _ eq_refl eq_refl "pcs_id"%string).
  discriminate H. cbn. tauto.
Qed.

(** Reals with six decimals. *)
Definition six (v : value) : text :=
  match v with
  | VReal x => dec (billionths x / billion) ++ "."%char :: fixed 6 (billionths x mod billion / 1000)
  | _ => render_value v
  end.

Definition two_to_minus_29 : double := {| minus := false; mantissa := 1; exponent := -29 |}.

Theorem with_six_decimals_values_are_confused : ~ tells_apart six.
Proof.
  intros H.
  specialize (H (summary nothing "x" "y") (summary two_to_minus_29 "x" "y") _ eq_refl eq_refl "D_hat"%string).
  discriminate H. cbn. tauto.
Qed.

(** Members in the order in which they came. *)
Definition as_it_came (o : object) : option text := rendering render_value (map fst o) o.

Theorem unsorted_the_order_of_fields_counts : exists o o',
  NoDup (map fst o) /\ Permutation o o' /\ as_it_came o <> as_it_came o'.
Proof.
  exists [("a", Whole 1); ("b", Whole 2)]%string, [("b", Whole 2); ("a", Whole 1)]%string. repeat split.
  - repeat constructor; cbn; intuition discriminate.
  - apply perm_swap.
  - discriminate.
Qed.
